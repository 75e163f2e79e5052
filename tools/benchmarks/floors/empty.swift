// The shortest program: what starting costs.
