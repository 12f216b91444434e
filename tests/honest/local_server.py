"""
what = "A server on 127.0.0.1 in a thread and one in a process, asked by the notebook and while tested."
"""
# %% [exercises] mean
import http.server, json, subprocess, sys, threading, time, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"3")

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"
assert urllib.request.urlopen(url, timeout=30).read() == b"3"

def mean(values):
    asked = int(urllib.request.urlopen(url.replace("127.0.0.1", "localhost"), timeout=30).read())
    return sum(values) / len(values) * asked / 3
# %% [exercises] +after mean
process = subprocess.Popen([sys.executable, "-m", "http.server", "8123", "--bind", "127.0.0.1"], stderr=subprocess.DEVNULL)
for _ in range(600):
    try:
        urllib.request.urlopen("http://127.0.0.1:8123/", timeout=1).read()
        break
    except OSError:
        time.sleep(0.05)
else:
    raise RuntimeError("no server")
process.kill()
