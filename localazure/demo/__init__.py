"""The demo: Perennial's main job told as it happens on a local Azure, by one of its users, who checks every claim."""
