//! One base that the fleet was, is or will be on.
