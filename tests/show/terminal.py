"""terminal.py ANSWER COMMAND...: runs the command in a terminal of its own that answers DA1 by ANSWER
(`sixel`, `plain`, `silent`, or `interrupt`: Ctrl-C instead) and prints one line: what was drawn, how often the
terminal was asked, whether it echoes afterwards, and the command's status."""
import os
import pty
import re
import select
import signal
import sys
import termios
import time

ANSWERS = {"sixel": b"\033[?62;1;4;22c", "plain": b"\033[?64;1;14;40;22c", "silent": b"", "interrupt": b"\003"}
answer, command = ANSWERS[sys.argv[1]], sys.argv[2:]

child, terminal = pty.fork()
if child == 0:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # shells ignore it in what they run in the background
    os.execvp(command[0], command)
said, asked, until = b"", 0, time.time() + 60
while time.time() < until:
    if not select.select([terminal], [], [], 1)[0]:
        continue
    try:
        part = os.read(terminal, 65536)
    except OSError:  # the command has ended
        break
    if not part:
        break
    said += part
    if b"\033[c" in said and not asked:
        asked += 1
        os.write(terminal, answer)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
echoes = bool(termios.tcgetattr(terminal)[3] & termios.ECHO) and bool(termios.tcgetattr(terminal)[3] & termios.ICANON)
sixel = re.search(rb"\033P[0-9;]*q\"1;1;(\d+);(\d+)", said)
what = "nothing"
if sixel and said.count(b"\033\\") == 1:
    what = "sixel %sx%s" % (sixel[1].decode(), sixel[2].decode())
elif "▀".encode() in said:
    what = "blocks"
elif re.search(rb"[ .:\-=+*#%@]{20}", said):
    what = "text"
echoed = answer and answer.replace(b"\033", b"^[") in said
print(f"{what}, asked {asked}, {'echoes' if echoes else 'mute'}, {'answer shown, ' if echoed else ''}status {status}")
