//! How the messages of a response become the bytes of its body.
//!
//! tonic would encode each message as a whole into a buffer of its stream, and hand all of it to
//! the connection. The stream of a client that does not read would hold that message, and every
//! stream would keep a buffer for as long as it is open. A [`MessageBody`] hands over one piece
//! at a time instead, makes it when the connection asks for it, and keeps nothing.
//!
//! tonic offers no way to replace its encoder's buffer. So [`InPieces`] takes the messages of a
//! response away before tonic encodes them, and puts their body into the extensions of the
//! response, which tonic passes on. [`restore_body`] makes it the body of the response.

mod codec;
mod in_pieces;
mod message_body;

pub(crate) use self::codec::OutgoingCodec;

pub(super) use self::in_pieces::{InPieces, restore_body};
