//! `FeedService`.

use tonic::{Request, Response, Status};

use crate::domain::{Act, Feed, FeedAct, FeedName, FeedSettings};
use crate::feed::{FeedError, FeedState, Feeds, MirrorState, Outcome, Trial};
use crate::wire::convert::{InvalidField, feed, time};
use crate::wire::v1;
use crate::wire::v1::feed_service_server::FeedService;
use crate::wire::v1::test_feed_request::Feed as Tested;

use super::acts::{self, actor};
use super::alert::message;
use super::status::{not_found, status};
use super::{Services, status::Refusal};

pub(super) struct FeedDoor(pub(super) Services);

#[tonic::async_trait]
impl FeedService for FeedDoor {
    async fn create_feed(
        &self,
        request: Request<v1::CreateFeedRequest>,
    ) -> Result<Response<v1::CreateFeedResponse>, Status> {
        self.0.can_audit()?;
        let actor = actor(&request);
        let v1::CreateFeedRequest { feed_id, feed } = request.into_inner();
        let name = FeedName::new(&feed_id).map_err(|error| status(InvalidField::new("feed_id", error)))?;
        let settings = self.settings(feed.as_ref(), "feed")?;
        let services = self.0.clone();
        let create = async move {
            let feed = services.feeds_blocking(move |feeds| feeds.add(name, settings)).await?;
            services.audit(&[acts::on(&actor, feed.name.to_string(), Act::Feed(FeedAct::Created))]).await?;
            Ok(v1::CreateFeedResponse { feed: Some(services.feed(&feed.name)?) })
        };
        self.0.to_the_end(create).await.map(Response::new)
    }

    async fn get_feed(&self, request: Request<v1::GetFeedRequest>) -> Result<Response<v1::GetFeedResponse>, Status> {
        let name = feed_name(&request.into_inner().name)?;
        Ok(Response::new(v1::GetFeedResponse { feed: Some(self.0.feed(&name)?) }))
    }

    async fn list_feeds(&self, _: Request<v1::ListFeedsRequest>) -> Result<Response<v1::ListFeedsResponse>, Status> {
        let feeds = self.0.feeds.list().iter().map(|(feed, state)| to_wire(feed, state)).collect();
        Ok(Response::new(v1::ListFeedsResponse { feeds }))
    }

    async fn test_feed(&self, request: Request<v1::TestFeedRequest>) -> Result<Response<v1::TestFeedResponse>, Status> {
        let settings = match request.into_inner().feed {
            Some(Tested::Name(name)) => {
                let found = self.0.feeds.get(&feed_name(&name)?);
                found.ok_or_else(|| status(FeedError::NotFound))?.0.settings
            }
            Some(Tested::Settings(settings)) => self.settings(Some(&settings), "settings")?,
            None => return Err(status(InvalidField::required("feed"))),
        };
        let trials = self.0.feeds.test(&settings).await.map_err(status)?;
        Ok(Response::new(v1::TestFeedResponse { trials: trials.into_iter().map(trial).collect() }))
    }

    async fn pause_feed(
        &self,
        request: Request<v1::PauseFeedRequest>,
    ) -> Result<Response<v1::PauseFeedResponse>, Status> {
        let feed = self.pause(actor(&request), &request.get_ref().name, true).await?;
        Ok(Response::new(v1::PauseFeedResponse { feed: Some(feed) }))
    }

    async fn resume_feed(
        &self,
        request: Request<v1::ResumeFeedRequest>,
    ) -> Result<Response<v1::ResumeFeedResponse>, Status> {
        let feed = self.pause(actor(&request), &request.get_ref().name, false).await?;
        Ok(Response::new(v1::ResumeFeedResponse { feed: Some(feed) }))
    }

    async fn delete_feed(
        &self,
        request: Request<v1::DeleteFeedRequest>,
    ) -> Result<Response<v1::DeleteFeedResponse>, Status> {
        let actor = actor(&request);
        let name = feed_name(&request.into_inner().name)?;
        let services = self.0.clone();
        let delete = async move {
            let object = name.to_string();
            services.feeds_blocking(move |feeds| feeds.remove(&name)).await?;
            services.audit(&[acts::on(&actor, object, Act::Feed(FeedAct::Deleted))]).await?;
            Ok(v1::DeleteFeedResponse {})
        };
        self.0.to_the_end(delete).await.map(Response::new)
    }
}

impl FeedDoor {
    fn settings(&self, feed: Option<&v1::Feed>, field: &str) -> Result<FeedSettings, Status> {
        let feed = feed.ok_or_else(|| status(InvalidField::required(field)))?;
        feed::feed_settings(feed, self.0.feeds.allows_private()).map_err(|error| status(error.inside(field)))
    }

    async fn pause(&self, actor: crate::domain::Actor, name: &str, paused: bool) -> Result<v1::Feed, Status> {
        let name = feed_name(name)?;
        let services = self.0.clone();
        let pause = async move {
            let feed = services.feeds_blocking(move |feeds| feeds.pause(&name, paused)).await?;
            let act = Act::Feed(if paused { FeedAct::Paused } else { FeedAct::Resumed });
            services.audit(&[acts::on(&actor, feed.name.to_string(), act)]).await?;
            services.feed(&feed.name)
        };
        self.0.to_the_end(pause).await
    }
}

impl Services {
    async fn feeds_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Feeds) -> Result<T, FeedError> + Send + 'static,
    ) -> Result<T, Status> {
        let feeds = self.feeds.clone();
        let done = self.tasks.spawn_blocking("feeds", move || work(feeds)).await;
        done.unwrap_or(Err(FeedError::Failed)).map_err(status)
    }

    fn feed(&self, name: &FeedName) -> Result<v1::Feed, Status> {
        let found = self.feeds.get(name).map(|(feed, state)| to_wire(&feed, &state));
        found.ok_or_else(|| not_found("FEED_NOT_FOUND", "no such feed"))
    }
}

fn feed_name(name: &str) -> Result<FeedName, Status> {
    if name.is_empty() {
        return Err(status(InvalidField::required("name")));
    }
    name.parse().map_err(|error| status(InvalidField::new("name", error)))
}

fn to_wire(feed: &Feed, state: &FeedState) -> v1::Feed {
    let mirror = |mirror: &MirrorState| v1::FeedMirror {
        error: mirror.error.clone(),
        failure_count: mirror.failures.cast_signed(),
        behind: mirror.is_behind(),
    };
    let status = v1::FeedStatus {
        ask_time: state.asked.map(time::to_wire),
        good_time: state.good.map(time::to_wire),
        failure_count: state.failures.cast_signed(),
        error: state.error.clone(),
        silent: state.silent,
        mirrors: state.mirrors.iter().map(mirror).collect(),
        present_count: state.present as i32,
        missing_count: state.missing as i32,
    };
    v1::Feed { status: Some(status), ..feed::feed_to_wire(feed) }
}

fn trial(trial: Trial) -> v1::FeedTrial {
    let url = trial.url.as_str().to_owned();
    match trial.found {
        Err(error) => v1::FeedTrial { url, error: error.to_string(), ..v1::FeedTrial::default() },
        Ok(found) => v1::FeedTrial {
            url,
            error: String::new(),
            received_bytes: found.received as i64,
            media_type: found.media_type,
            entry_count: found.entries as i32,
            messages: found.messages.into_iter().map(tried).collect(),
        },
    }
}

fn tried(Outcome { place, id, outcome, message: explanation }: Outcome) -> v1::FeedTrialMessage {
    v1::FeedTrialMessage { place, message: id.as_ref().map(message), outcome: outcome.to_owned(), explanation }
}

impl From<FeedError> for Refusal {
    fn from(error: FeedError) -> Self {
        use tonic::Code::{AlreadyExists, FailedPrecondition, Internal, NotFound, ResourceExhausted};
        match &error {
            FeedError::NotFound => Self::new(NotFound, "FEED_NOT_FOUND", "", &error),
            FeedError::AlreadyExists => Self::new(AlreadyExists, "ALREADY_EXISTS", "feed_id", &error),
            FeedError::TooMany(_) => Self::new(ResourceExhausted, "TOO_MANY_FEEDS", "", &error),
            FeedError::UnknownAuthority => {
                Self::new(FailedPrecondition, "AUTHORITY_NOT_ADMITTED", "feed.authority", &error)
            }
            FeedError::Invalid(invalid) => InvalidField::new(format!("feed.{}", invalid.field), &invalid.reason).into(),
            FeedError::Store(_) | FeedError::Failed => {
                tracing::error!(error = &error as &dyn std::error::Error, "a feed could not be kept");
                Self::new(Internal, "FEEDS_FAILED", "", "the feed could not be kept")
            }
        }
    }
}
