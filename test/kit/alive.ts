/** Whether that process exists, also one of another user: a pid of the test's own, which is not reused while it is looked at. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};
