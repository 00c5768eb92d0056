"""Registration: remove drift, rotation and breathing between the planes of a stack."""
