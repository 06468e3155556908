//! What is asked, and the answers.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, header::CONTENT_TYPE};
use serde_json::json;

use super::{
    AdminFront, ReloadError,
    door::{Operator, Reader},
};

/// The media type of the metrics, as OpenMetrics 1.0 says.
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All routes. `GET` answers `HEAD`, too; another method is 405, another path 404.
pub(super) fn routes(front: Arc<AdminFront>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .route("/refusals", get(refusals))
        .route("/reload", post(reload))
        .fallback(async || (StatusCode::NOT_FOUND, "there is nothing here\n"))
        .with_state(front)
}

/// Whether the process lives: whoever reads this knows that it does.
async fn health() -> &'static str {
    "ok"
}

/// Whether callbacks are taken and questions answered, and if not, why.
async fn readiness(State(front): State<Arc<AdminFront>>) -> (StatusCode, String) {
    match front.ready.check() {
        Ok(()) => (StatusCode::OK, "ready".to_owned()),
        Err(unready) => (StatusCode::SERVICE_UNAVAILABLE, unready.to_string()),
    }
}

async fn metrics(_: Reader, State(front): State<Arc<AdminFront>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], front.registry.encode())
}

/// What was refused lately. It names senders, so it is for operators.
async fn refusals(_: Operator, State(front): State<Arc<AdminFront>>) -> Response {
    let recent = front.refusals.recent();
    json_answer(StatusCode::OK, &json!({ "refusals": recent }))
}

async fn reload(_: Operator, State(front): State<Arc<AdminFront>>) -> Response {
    match front.reload().await {
        Ok(warnings) => json_answer(StatusCode::OK, &json!({ "warnings": warnings })),
        Err(error) => {
            let status = match error {
                ReloadError::Configuration(_) => StatusCode::UNPROCESSABLE_ENTITY,
                ReloadError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            json_answer(status, &json!({ "error": error.to_string() }))
        }
    }
}

fn json_answer(status: StatusCode, body: &serde_json::Value) -> Response {
    let media_type = [(CONTENT_TYPE, "application/json")];
    (status, media_type, format!("{body}\n")).into_response()
}
