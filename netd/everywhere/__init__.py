"""Operations about the services of all nodes of a cluster: one question, asked of each node, and one answer."""
