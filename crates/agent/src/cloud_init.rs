//! Makes the three files of a NoCloud seed from a server's specification: pure, for golden files and for a property
//! test that no text of a customer breaks out of its place.
