//! Doors over real sockets.
