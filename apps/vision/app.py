"""A Space that shows a picture model trained with transfer-toolkit; the README says how to give it one."""

from toolkit.demo.space import open_space

demo = open_space()

if __name__ == "__main__":
    demo.launch()
