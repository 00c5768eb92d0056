"""A thin lens that draws scenes view by view: pictures without the imaging equations."""
