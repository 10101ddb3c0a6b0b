"""Study 2: which measurements go with the course of diabetes a year on? Fits a model, writes its coefficients.

Runs inside the workspace: inputs are read-only, only /working and /outbox can be written, nothing is reachable.
"""

import csv
from pathlib import Path

import numpy as np
import statsmodels.api as sm

MEASUREMENTS = Path("/inputs/diabetes-measurements/diabetes_data_raw.csv.gz")
COURSE = Path("/inputs/diabetes-course/diabetes_target.csv.gz")
RESULTS = Path("/outbox/results.csv")
NAMES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


def main() -> None:
    """Read both files, fit a linear model on standardised measurements, and leave a table in the outbox."""
    measured, course = np.loadtxt(MEASUREMENTS), np.loadtxt(COURSE)
    standard = (measured - measured.mean(axis=0)) / measured.std(axis=0)
    fit = sm.OLS(course, sm.add_constant(standard)).fit()
    rows = zip(("constant", *NAMES), fit.params, fit.bse, fit.pvalues, strict=True)
    with RESULTS.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["term", "coefficient", "standard error", "p"])
        writer.writerows([name, f"{value:.2f}", f"{error:.2f}", f"{p:.3f}"] for name, value, error, p in rows)


if __name__ == "__main__":
    main()
