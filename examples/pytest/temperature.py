"""What the tests of this example test."""


def celsius(fahrenheit):
    return (fahrenheit - 32) * 5 / 9


def read(path):
    with open(path, encoding="utf-8") as file:
        return [float(line) for line in file]
