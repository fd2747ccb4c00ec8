use futures_util::StreamExt;

use super::*;
use crate::llm::{
    ModelEvent,
    contract::request,
    openai::server::{Link, Server},
};

type Event = Result<ModelEvent, ModelError>;

const TEXT: &str = "It depends on the clock.";

async fn ask(model: &Responses) -> Vec<Event> {
    ask_again(model, None).await
}

async fn ask_again(model: &Responses, upstream: Option<&str>) -> Vec<Event> {
    let upstream = upstream.map(str::to_owned);
    match model.stream(ModelRequest { upstream, ..request("why?", 3) }).await {
        Ok(stream) => stream.collect().await,
        Err(error) => vec![Err(error)],
    }
}

fn patient_for(server: &Server, ms: u64) -> Responses {
    let mut settings = server.settings();
    settings.between_tokens = Duration::from_millis(ms);
    Responses::new(settings).unwrap()
}

/// Answer `n` of the server, whole.
fn whole(n: u32) -> Vec<Event> {
    let name = ModelEvent::Upstream(format!("resp_{n}"));
    let words = TEXT.split_inclusive(' ').map(|word| ModelEvent::Text(word.to_owned()));
    let usage = ModelEvent::Usage { input: 11, output: 7 };
    [name].into_iter().chain(words).chain([usage]).map(Ok).collect()
}

#[actix_web::test]
async fn an_answer_is_named_and_streams_from_the_background() {
    let server = Server::writing(TEXT).await;

    assert_eq!(ask(&server.responses()).await, whole(1));
    insta::assert_json_snapshot!(server.provider.posts(), @r#"
    [
      {
        "background": true,
        "input": [
          {
            "content": "why?",
            "role": "user"
          }
        ],
        "model": "tutor-1",
        "store": true,
        "stream": true
      }
    ]
    "#);
}

#[actix_web::test]
async fn a_connection_that_breaks_or_ends_is_followed_by_another_without_repeat_or_gap() {
    let server = Server::writing(TEXT).await;
    server.provider.links([Link::Cut(4), Link::End(1), Link::Status(503), Link::Whole]);
    let mut stream = server.responses().stream(request("why?", 3)).await.unwrap();
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(stream.next().await.unwrap());
    }
    server.provider.cut();
    events.extend(stream.collect::<Vec<Event>>().await);

    assert_eq!(events, whole(1));
    assert_eq!(server.provider.posts().len(), 1);
    let reads = [3, 4, 4].map(|after| ("resp_1".to_owned(), Some(after)));
    assert_eq!(server.provider.reads(), reads);
}

#[actix_web::test]
async fn a_connection_that_breaks_before_the_first_word_is_followed_by_another() {
    let server = Server::writing(TEXT).await;
    server.provider.links([Link::End(1), Link::End(1), Link::Whole]);

    assert_eq!(ask(&server.responses()).await, whole(1));
    assert_eq!(server.provider.posts().len(), 1);
}

#[actix_web::test]
async fn a_connection_that_keeps_breaking_is_given_up() {
    let server = Server::writing(TEXT).await;
    server.provider.links([Link::End(4)].into_iter().chain([Link::End(0); 9]));

    let events = ask(&server.responses()).await;

    assert_eq!(events[..3], whole(1)[..3]);
    assert!(matches!(events[3..], [Err(ModelError::Broken(_))]), "{events:?}");
    assert_eq!(server.provider.reads().len(), 2);
}

#[actix_web::test]
async fn a_connection_that_stalls_is_replaced_once() {
    let server = Server::writing(TEXT).await;
    server.provider.links([Link::Stall(4), Link::Whole]);
    assert_eq!(ask(&patient_for(&server, 100)).await, whole(1));

    server.provider.links([Link::Stall(4), Link::Stall(0), Link::Whole]);
    let events = ask(&patient_for(&server, 100)).await;
    assert_eq!(events[..3], whole(2)[..3]);
    assert_eq!(events[3..], [Err(ModelError::Timeout(100))]);
}

#[actix_web::test]
async fn a_first_word_that_does_not_come_runs_into_the_first_time_out() {
    let server = Server::writing(TEXT).await;
    server.provider.has_written(2);
    let mut settings = server.settings();
    settings.first_token = Duration::from_millis(150);

    let events = ask(&Responses::new(settings).unwrap()).await;

    assert_eq!(events, [whole(1).remove(0), Err(ModelError::Timeout(150))]);
}

#[actix_web::test]
async fn another_process_reads_the_same_answer_from_its_beginning() {
    let server = Server::writing(TEXT).await;
    server.provider.has_written(4);
    let mut stream = server.responses().stream(request("why?", 3)).await.unwrap();
    for _ in 0..3 {
        assert!(stream.next().await.unwrap().is_ok());
    }
    drop(stream);
    server.provider.has_written(usize::MAX);

    assert_eq!(ask_again(&server.responses(), Some("resp_1")).await, whole(1));
    assert_eq!(server.provider.posts().len(), 1);
    assert_eq!(server.provider.reads(), [("resp_1".to_owned(), None)]);
}

#[actix_web::test]
async fn an_answer_that_is_not_to_be_had_any_more_is_begun_anew() {
    let server = Server::writing(TEXT).await;
    let model = server.responses();

    assert_eq!(ask_again(&model, Some("resp_unknown")).await, whole(1));
    server.provider.links([Link::Status(500), Link::Status(500), Link::Status(500)]);
    assert_eq!(ask_again(&model, Some("resp_1")).await, whole(2));
    server.provider.fail();
    assert_eq!(ask_again(&model, Some("resp_2")).await, whole(3));
    assert_eq!(server.provider.posts().len(), 3);
}

#[actix_web::test]
async fn an_answer_that_is_forgotten_while_it_is_read_has_broken_off() {
    let server = Server::writing(TEXT).await;
    server.provider.links([Link::Cut(4)]);
    let mut stream = server.responses().stream(request("why?", 3)).await.unwrap();
    for _ in 0..3 {
        assert!(stream.next().await.unwrap().is_ok());
    }
    server.provider.forget();
    server.provider.cut();

    let rest: Vec<Event> = stream.collect().await;

    assert!(matches!(rest[..], [Err(ModelError::Broken(_))]), "{rest:?}");
}

#[actix_web::test]
async fn a_stop_reaches_the_provider() {
    let server = Server::writing(TEXT).await;
    server.provider.has_written(4);
    let model = server.responses();
    let mut stream = model.stream(request("why?", 3)).await.unwrap();
    assert_eq!(stream.next().await, Some(whole(1).remove(0)));
    drop(stream);

    model.cancel("resp_1");

    assert_eq!(server.provider.one_is_cancelled().await, "resp_1");
}

#[actix_web::test]
async fn an_answer_whose_name_nobody_heard_is_stopped() {
    let server = Server::writing(TEXT).await;
    server.provider.has_written(0);
    let model = server.responses();
    {
        let opening = model.stream(request("why?", 3));
        let asked = async {
            while server.provider.posts().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = opening => panic!("nothing was written"),
            () = asked => {}
        }
    }
    server.provider.has_written(1);

    assert_eq!(server.provider.one_is_cancelled().await, "resp_1");
}

#[actix_web::test]
async fn a_server_without_background_is_used_without() {
    let server = Server::writing(TEXT).await;
    server.provider.has_no_background();
    let model = server.responses();

    assert_eq!(ask(&model).await, whole(2)[1..]);
    server.provider.links([Link::End(4)]);
    let cut = ask(&model).await;

    assert_eq!(cut[..2], whole(3)[1..3]);
    assert!(matches!(cut[2..], [Err(ModelError::Broken(_))]), "{cut:?}");
    let backgrounds: Vec<Value> =
        server.provider.posts().iter().map(|body| body["background"].clone()).collect();
    assert_eq!(backgrounds, [Value::Bool(true), Value::Null, Value::Null]);
    assert_eq!(server.provider.posts()[1]["store"], false);
}

#[actix_web::test]
async fn a_request_that_is_refused_either_way_says_nothing_of_the_background() {
    let server = Server::writing(TEXT).await;
    server.provider.links([Link::Status(400), Link::Status(400)]);
    let model = server.responses();

    let events = ask(&model).await;

    assert!(matches!(events[..], [Err(ModelError::Refused(_))]), "{events:?}");
    assert_eq!(ask(&model).await, whole(3));
}

#[actix_web::test]
async fn a_busy_server_is_asked_again_and_a_wrong_key_is_not() {
    let server = Server::writing(TEXT).await;
    server.provider.links([Link::Status(429), Link::Status(503)]);
    assert_eq!(ask(&server.responses()).await, whole(3));

    server.provider.links([Link::Status(401)]);
    let events = ask(&server.responses()).await;
    assert!(matches!(events[..], [Err(ModelError::Refused(_))]), "{events:?}");
    assert_eq!(server.provider.posts().len(), 4);
}
