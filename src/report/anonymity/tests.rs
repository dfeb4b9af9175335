//! Attacks on what is published.
