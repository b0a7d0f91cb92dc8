"""Which prediction goes with which object, so that the sum of the costs is least."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def assignment(costs: Array) -> tuple[Array, Array]:
    """The rows and columns of the pairs with the least sum of costs: as many as there are of the fewer.

    Args:
        costs: `(rows, columns)`, finite.

    Returns:
        the rows in ascending order, and the column of each.
    """
    if costs.shape[0] > costs.shape[1]:
        columns, rows = assignment(costs.T)
        order = np.argsort(rows)
        return rows[order], columns[order]
    owner = np.full(costs.shape[1] + 1, -1)  # the row that has each column; the last column is where a row waits
    rows_price, columns_price = np.zeros(costs.shape[0]), np.zeros(costs.shape[1] + 1)
    for row in range(costs.shape[0]):
        owner[-1] = row
        _place(costs.astype(np.float64), owner, rows_price, columns_price)
    taken = np.flatnonzero(owner[:-1] >= 0)
    order = np.argsort(owner[taken])
    return owner[taken][order].astype(np.int64), taken[order].astype(np.int64)


def _place(costs: Array, owner: Array, rows_price: Array, columns_price: Array) -> None:
    """Find a column for the row that waits, by the shortest path of rows that each move to another column."""
    distance = np.full(costs.shape[1], np.inf)
    before = np.full(costs.shape[1], -1)
    visited = np.zeros(len(owner), bool)
    at = len(owner) - 1
    while owner[at] >= 0:
        visited[at] = True
        free = ~visited[:-1]
        cost = costs[owner[at]] - rows_price[owner[at]] - columns_price[:-1]
        nearer = free & (cost < distance)
        distance[nearer], before[nearer] = cost[nearer], at
        nearest = int(np.argmin(np.where(free, distance, np.inf)))
        step = distance[nearest]
        rows_price[owner[visited]] += step
        columns_price[visited] -= step
        distance[free] -= step
        at = nearest
    while at != len(owner) - 1:
        owner[at] = owner[before[at]]
        at = int(before[at])
    owner[-1] = -1
