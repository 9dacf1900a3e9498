HYPOTHESIS = "x"

def feature_fn(X)
    return X
