//! Hazardcast: official earthquake and weather alerts to the consenting devices in their area, each once, at once.
//!
//! The way of an alert, and the rooms it passes: a door ([`grpc`]) takes bytes over a connection that [`listen`] let
//! in, from a caller that [`access`] knows, [`format`](mod@format) reads them, [`locate`] finds the ground and the
//! places in it, [`decide`] says what becomes of them, [`intake`] is the desk where that happens, [`journal`] keeps
//! it, [`fan_out`] sweeps, [`plan`] says who is told and how, [`channel`] tells them, over a [`link`] for one, and
//! [`ledger`] keeps who was told. [`registry`] knows the devices, and what their partners are to hear of them, which
//! [`webhook`] sends to whoever asked for it; to hosts that others name it connects by [`dial`], and so does [`feed`],
//! the door that fetches alerts. [`device`] is the other end of a link. [`audit`]
//! remembers who did what, [`regions`] are the files of the ground that codes name, and [`segments`] are the files of
//! what is only appended to, such as the journal's; [`files`] keeps small ones whole.
//! [`domain`] holds the nouns, [`wire`] what goes over it; [`http`], [`metrics`], [`tasks`], [`config`],
//! [`lifecycle`], [`app`] and [`cli`] are the house around it.

pub mod access;
pub mod app;
pub mod audit;
pub mod channel;
pub mod cli;
pub mod config;
pub mod decide;
pub mod device;
pub mod dial;
pub mod domain;
pub mod fan_out;
pub mod feed;
pub mod files;
pub mod format;
pub mod grpc;
pub mod http;
pub mod intake;
pub mod journal;
pub mod ledger;
pub mod lifecycle;
pub mod link;
pub mod listen;
pub mod locate;
pub mod metrics;
pub mod plan;
pub mod regions;
pub mod registry;
pub mod segments;
pub mod tasks;
pub mod webhook;
pub mod wire;
