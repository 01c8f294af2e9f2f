"""Workers that train what a search proposes: processes of this machine, or of a Ray cluster."""
