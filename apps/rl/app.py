"""A Space that shows an agent trained with transfer-toolkit as it acts; the README says how to give it one."""

from toolkit.demo.space import open_space

demo = open_space()

if __name__ == "__main__":
    demo.launch()
