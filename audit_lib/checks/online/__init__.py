"""Online: the learner that updates between trainings."""
