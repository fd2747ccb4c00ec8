//! IntelliStack: the chat server of a school that teaches in stages.
