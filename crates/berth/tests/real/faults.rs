//! What goes wrong around a build: it fails with a sentence that an operator understands, and a later one works.
