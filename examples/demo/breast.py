"""Study 1: can cell measurements tell benign from malignant tumours? Fits a model, writes a table of results.

Runs inside the workspace: inputs are read-only, only /working and /outbox can be written, nothing is reachable.
"""

import csv
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DATA = Path("/inputs/breast-cancer/breast_cancer.csv")
RESULTS = Path("/outbox/results.csv")


def main() -> None:
    """Read the measurements, score the model by cross-validation, and leave a table in the outbox."""
    table = np.loadtxt(DATA, delimiter=",", skiprows=1)
    measurements, benign = table[:, :-1], table[:, -1]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    scores = cross_val_score(model, measurements, benign, cv=5, scoring="roc_auc")
    with RESULTS.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["measure", "value"])
        writer.writerows([["people", len(table)], ["folds", len(scores)]])
        writer.writerow(["area under the curve, mean", f"{scores.mean():.3f}"])
        writer.writerow(["area under the curve, standard deviation", f"{scores.std():.3f}"])


if __name__ == "__main__":
    main()
