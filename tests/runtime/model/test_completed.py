from porter.runtime.model.completed import Completed


class Base(metaclass=Completed):
    def __init__(self):
        self.seen = ["base"]

    def complete(self):
        self.seen.append("complete")


class Derived(Base):
    def __init__(self, name):
        super().__init__()
        self.seen.append(name)


def test_a_model_is_completed_once_after_the_outermost_constructor():
    assert Derived("derived").seen == ["base", "derived", "complete"]
