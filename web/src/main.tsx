import { render } from "preact";
import "./styles/index.css";
import { App } from "./app";
import { followLinks } from "./router";

document.addEventListener("click", followLinks);
const root = document.getElementById("app-root");
if (root) render(<App />, root);
