"""Where sources come from: fetched or installed, listed, with their licences."""
