"""The networks: FSB and KEB of the paper (Fig. 3), DEB and MEB for stacks, and how they run."""
