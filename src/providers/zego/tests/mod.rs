mod rooms;
mod users;
mod verify;
