//! Health, reflection, and the end of the server.

use std::time::Duration;

use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1, v1alpha};

use crate::common::in_process::{Server, World, next};

const SERVICE: &str = "headcount.v1.PresenceService";

async fn check(server: &Server, service: &str) -> Result<ServingStatus, Code> {
    let service = service.to_owned();
    let mut client = HealthClient::new(server.channel().await);
    let answer = client.check(HealthCheckRequest { service }).await;
    answer
        .map(|answer| answer.into_inner().status())
        .map_err(|status| status.code())
}

#[tokio::test]
async fn health_is_not_serving_until_it_is_told() {
    let server = Server::new(World::new()).await;
    for service in ["", SERVICE] {
        let status = check(&server, service).await;
        assert_eq!(status, Ok(ServingStatus::NotServing), "{service:?}");
    }
}

#[tokio::test]
async fn a_watch_of_health_is_one_of_all_watches() {
    let server = Server::starting(World::new(), 1).await;
    let watch = || async {
        let mut client = HealthClient::new(server.channel().await);
        client.watch(HealthCheckRequest::default()).await
    };
    let open = watch().await.unwrap();
    assert_eq!(server.metrics.watches_open(), 1);
    assert_eq!(watch().await.unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(server.metrics.watches_refused.get(), 1);
    drop(open);
    while server.metrics.watches_open() > 0 {
        tokio::task::yield_now().await;
    }
    watch().await.unwrap();
}

/// Everybody may watch health: they leave room for those who have a credential.
#[tokio::test]
async fn watches_of_health_are_an_eighth_of_all_watches_at_most() {
    let server = Server::starting(World::new(), 16).await;
    let mut client = HealthClient::new(server.channel().await);
    let mut open = Vec::new();
    for _ in 0..2 {
        let watch = client.watch(HealthCheckRequest::default()).await;
        open.push(watch.unwrap().into_inner());
    }
    let refused = client.watch(HealthCheckRequest::default()).await;
    assert_eq!(refused.unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(server.metrics.watches_open(), 2);
    open.pop();
    while server.metrics.watches_open() > 1 {
        tokio::task::yield_now().await;
    }
    client.watch(HealthCheckRequest::default()).await.unwrap();
}

#[tokio::test]
async fn health_says_what_it_was_told() {
    let server = Server::new(World::new()).await;
    for serving in [true, false, true] {
        server.ready.set(serving);
        server.health.tell(&server.ready).await;
        let expected = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for service in ["", SERVICE] {
            assert_eq!(check(&server, service).await, Ok(expected), "{service:?}");
        }
    }
    assert_eq!(check(&server, "other").await, Err(Code::NotFound));
}

async fn services_v1(channel: Channel) -> Vec<String> {
    use v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let answers = client.server_reflection_info(tokio_stream::once(request));
    let answer = answers.await.unwrap().into_inner().message().await.unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.unwrap().message_response else {
        panic!("no list of services");
    };
    list.service.into_iter().map(|it| it.name).collect()
}

async fn services_v1alpha(channel: Channel) -> Vec<String> {
    use v1alpha::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel);
    let answers = client.server_reflection_info(tokio_stream::once(request));
    let answer = answers.await.unwrap().into_inner().message().await.unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.unwrap().message_response else {
        panic!("no list of services");
    };
    list.service.into_iter().map(|it| it.name).collect()
}

#[tokio::test]
async fn reflection_lists_the_service_in_both_versions() {
    let server = Server::new(World::new()).await;
    for services in [
        services_v1(server.channel().await).await,
        services_v1alpha(server.channel().await).await,
    ] {
        assert!(services.iter().any(|it| it == SERVICE), "{services:?}");
    }
}

#[tokio::test]
async fn a_drain_ends_every_stream_and_then_the_server() {
    let server = Server::new(World::new()).await;
    server.health.tell(&server.ready).await;
    let mut watch = server.watch("r", "").await.unwrap();
    let token = next(&mut watch).await.resume_token;
    let mut health = HealthClient::new(server.channel().await);
    let service = SERVICE.to_owned();
    let watched = health.watch(HealthCheckRequest { service }).await;
    let mut watched = watched.unwrap().into_inner();
    watched.message().await.unwrap();
    let reflection = server.channel().await;
    let mut reflection = v1::server_reflection_client::ServerReflectionClient::new(reflection);
    let asks_nothing = reflection.server_reflection_info(tokio_stream::pending());
    let mut answers = asks_nothing.await.unwrap().into_inner();

    server.drain.cancel();
    assert_eq!(watch.message().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(
        watched.message().await.unwrap_err().code(),
        Code::Unavailable
    );
    assert_eq!(
        answers.message().await.unwrap_err().code(),
        Code::Unavailable
    );
    let served = tokio::time::timeout(Duration::from_secs(5), server.served).await;
    served.expect("ends").unwrap().unwrap();
    assert_eq!(server.world.roster.room_count(), 0);
    assert!(!token.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drain_tells_what_happened_before_it_first() {
    let server = Server::new(World::new()).await;
    let mut watch = server.watch("r", "").await.unwrap();
    next(&mut watch).await;
    server.world.login("r", "ann");
    server.drain.cancel();
    let message = next(&mut watch).await;
    assert_eq!(message.revision, 1);
    assert_eq!(watch.message().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_drain_stops_accepting_before_it_waits_for_connections() {
    let server = Server::new(World::new()).await;
    // A client that says nothing has a while to go.
    let _silent = server.pipe(1024);
    server.health.tell(&server.ready).await;
    check(&server, "").await.unwrap();
    server.drain.cancel();
    server.stops_accepting().await;
    assert!(!server.served.is_finished());
    server.served.await.unwrap().unwrap();
}
