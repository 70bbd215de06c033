//! The middle of the house, whole and without sockets: the desk, the journal on disk, the registry on disk, sweeps,
//! lanes and links, on a clock that stands until it is set. Every step is taken by hand, so that a run is the same
//! each time and whatever may happen at any moment can be put between any two steps.

mod held;
mod house;
mod interleave;
mod lane;
mod message;
mod nights;
mod oracle;
mod people;
mod phone;
mod pieces;
mod runs;
mod series;
mod stress;
