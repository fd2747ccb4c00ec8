use super::{
    server::{Reply, Server, Step, event, finish, spoken},
    *,
};
use crate::{domain::code::Code, llm::contract::request};

type Event = Result<ModelEvent, ModelError>;

async fn ask(model: &OpenAi) -> Vec<Event> {
    match model.stream(request("why?", 3)).await {
        Ok(stream) => stream.collect().await,
        Err(error) => vec![Err(error)],
    }
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what a stream gives")]
fn text(text: &str) -> Event {
    Ok(ModelEvent::Text(text.to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what a stream gives")]
fn usage() -> Event {
    Ok(ModelEvent::Usage { input: 11, output: 7 })
}

#[actix_web::test]
async fn an_answer_streams_with_key_model_and_messages_as_configured() {
    let server = Server::scripted([Reply::Stream(spoken("It depends."))]).await;

    let events = ask(&server.model()).await;

    assert_eq!(events, [text("It "), text("depends."), usage()]);
    let (key, body) = server.seen().remove(0);
    assert_eq!(key.as_deref(), Some("Bearer sk-test"));
    insta::assert_json_snapshot!(body, @r#"
    {
      "messages": [
        {
          "content": "why?",
          "role": "user"
        }
      ],
      "model": "tutor-1",
      "stream": true,
      "stream_options": {
        "include_usage": true
      }
    }
    "#);
}

#[actix_web::test]
async fn a_busy_server_is_asked_again_before_the_first_token() {
    let replies = [
        Reply::Status(429, "slow down"),
        Reply::Status(503, "<html>gone</html>"),
        Reply::Stream(spoken("Why?")),
    ];
    let server = Server::scripted(replies).await;

    assert_eq!(ask(&server.model()).await, [text("Why?"), usage()]);
    assert_eq!(server.seen().len(), 3);
}

#[actix_web::test]
async fn retries_come_to_an_end() {
    let server = Server::scripted(vec![Reply::Status(500, ""); 9]).await;

    let events = ask(&server.model()).await;

    assert!(matches!(events[..], [Err(ModelError::Unavailable(_))]), "{events:?}");
    assert_eq!(server.seen().len(), 3);
}

#[actix_web::test]
async fn a_refused_request_is_not_repeated_and_its_body_is_not_told() {
    for status in [400, 401, 403, 404] {
        let server = Server::scripted([Reply::Status(status, "bad key sk-test, no JSON")]).await;

        let events = ask(&server.model()).await;

        let [Err(error @ ModelError::Refused(_))] = &events[..] else { panic!("{events:?}") };
        assert!(!error.to_string().contains("sk-test"));
        assert_eq!(server.seen().len(), 1);
    }
}

#[actix_web::test]
async fn no_server_at_all_is_unavailable() {
    let server = Server::scripted([]).await;
    let model = server.model();
    server.stop().await;

    let events = ask(&model).await;

    assert!(matches!(events[..], [Err(ModelError::Unavailable(_))]), "{events:?}");
}

#[actix_web::test]
async fn a_server_that_never_begins_runs_into_the_first_time_out() {
    let server = Server::scripted([Reply::Stream(vec![Step::Stall])]).await;
    let mut settings = server.settings();
    settings.first_token = Duration::from_millis(150);

    let events = ask(&OpenAi::new(settings).unwrap()).await;

    assert_eq!(events, [Err(ModelError::Timeout(150))]);
    server.one_is_over().await;
}

#[actix_web::test]
async fn a_server_that_stalls_runs_into_the_time_out_between_tokens() {
    let server = Server::scripted([Reply::Stream(vec![event("So "), Step::Stall])]).await;
    let mut settings = server.settings();
    settings.between_tokens = Duration::from_millis(50);

    let events = ask(&OpenAi::new(settings).unwrap()).await;

    assert_eq!(events, [text("So "), Err(ModelError::Timeout(50))]);
    server.one_is_over().await;
}

#[actix_web::test]
async fn an_answer_cut_in_the_middle_is_broken_and_never_retried() {
    let server = Server::scripted([Reply::Stream(vec![event("So "), Step::Wait, Step::Cut])]).await;
    let mut stream = server.model().stream(request("why?", 3)).await.unwrap();
    assert_eq!(stream.next().await, Some(text("So ")));
    server.go();

    let rest: Vec<Event> = stream.collect().await;

    assert!(matches!(rest[..], [Err(ModelError::Broken(_))]), "{rest:?}");
    assert_eq!(server.seen().len(), 1);
}

#[actix_web::test]
async fn an_answer_that_ends_without_a_reason_counts_as_cut() {
    let server = Server::scripted([Reply::Stream(vec![event("So ")])]).await;

    let events = ask(&server.model()).await;

    assert!(matches!(events[..], [Ok(_), Err(ModelError::Broken(_))]), "{events:?}");
}

#[actix_web::test]
async fn dropping_an_answer_closes_the_connection_to_the_server() {
    let server = Server::scripted([Reply::Stream(vec![event("So "), Step::Stall])]).await;
    let mut stream = server.model().stream(request("why?", 3)).await.unwrap();
    assert_eq!(stream.next().await, Some(text("So ")));

    drop(stream);

    server.one_is_over().await;
}

#[actix_web::test]
async fn odd_fields_of_other_servers_do_no_harm() {
    let odd = [
        ": a comment\n\n",
        "data: {\"choices\":null,\"prompt_filter_results\":[]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\
         \"reasoning_content\":\"hmm\"},\"finish_reason\":null,\"logprobs\":7}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"So?\"}]}}],\
         \"usage\":null}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"eos_token\"}],\"usage\":\
         {\"prompt_tokens\":11,\"completion_tokens\":7,\"cost\":\"0.1\"}}\n\n",
    ];
    let steps = odd.map(|line| Step::Send(line.to_owned())).to_vec();
    let server = Server::scripted([Reply::Stream(steps)]).await;

    assert_eq!(ask(&server.model()).await, [text("So?"), usage()]);
}

#[actix_web::test]
async fn an_error_or_a_filter_inside_the_stream_ends_the_answer() {
    let fault = Step::Send("data: {\"error\":{\"message\":\"oom\"}}\n\n".to_owned());
    let filter = Step::Send(
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n".to_owned(),
    );
    let no_json = Step::Send("data: {oops\n\n".to_owned());
    let replies = [fault, filter, no_json]
        .map(|step| Reply::Stream(vec![event("So "), step, event("never said"), finish()]));
    let server = Server::scripted(replies).await;
    let model = server.model();

    let mut ends = Vec::new();
    for _ in 0..3 {
        let events = ask(&model).await;
        assert_eq!(events.len(), 2, "{events:?}");
        ends.push(events.last().unwrap().as_ref().unwrap_err().code());
    }
    assert_eq!(ends, [Code::UpstreamError, Code::Moderation, Code::UpstreamError]);
}

#[actix_web::test]
async fn a_server_with_prefill_is_sent_what_was_said_before() {
    let server = Server::speaking("and on?").await;
    let mut settings = server.settings();
    settings.prefill = true;
    let model = OpenAi::new(settings).unwrap();
    assert_eq!(model.continuation(), Continuation::Prefix);
    let again = ModelRequest { prefix: "It goes on ".to_owned(), ..request("why?", 3) };

    let events: Vec<Event> = model.stream(again).await.unwrap().collect().await;

    assert_eq!(events, [text("and "), text("on?"), usage()]);
    let body = &server.seen()[0].1;
    assert_eq!(body["messages"][1]["role"], "assistant");
    assert_eq!(body["messages"][1]["content"], "It goes on ");
    assert_eq!(body["continue_final_message"], true);
}

#[test]
fn a_retry_waits_no_longer_than_its_bound() {
    for seed in 0..100 {
        assert!(jitter(seed, 0) <= PAUSE);
        assert!(jitter(seed, 3) <= PAUSE * 8);
    }
    assert_ne!(jitter(1, 0), jitter(2, 0));
}
