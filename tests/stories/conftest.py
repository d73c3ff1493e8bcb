from tests.stories.figures import figures

__all__ = ("figures",)
