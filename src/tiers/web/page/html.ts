/** The page's frame. A string, because the compiler copies nothing that is not TypeScript. */
export const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Stargazer</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<script type="module" src="/app.js"></script>
</head>
<body>
<header>
  <h1>Stargazer</h1>
  <p id="live" class="live" role="status"><span class="dot" aria-hidden="true"></span><span id="live-text">connecting</span></p>
</header>
<main>
  <section aria-labelledby="fleet-title">
    <h2 id="fleet-title">Fleet <span id="count" class="count"></span></h2>
    <div class="scroll">
      <table>
        <thead>
          <tr><th scope="col">Service</th><th scope="col">Instance</th><th scope="col">Status</th><th scope="col">For</th><th scope="col">Host</th><th scope="col">Health</th></tr>
        </thead>
        <tbody id="fleet"></tbody>
      </table>
    </div>
    <p id="empty" class="hint">No service is registered yet.</p>
  </section>
  <section aria-labelledby="chat-title" class="chat">
    <h2 id="chat-title">Chat <span id="chat-state" class="count">waiting for a gateway</span></h2>
    <ol id="messages" class="messages" aria-live="polite"></ol>
    <form id="say">
      <label class="hidden" for="text">Message</label>
      <input id="text" name="text" autocomplete="off" maxlength="4000" placeholder="Say something" disabled>
      <button disabled>Send</button>
    </form>
  </section>
</main>
</body>
</html>
`;
