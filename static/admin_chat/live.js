/* Renews the list of what is being answered, as long as the page is looked at. */

const EVERY = 2000

/** The server renders the list; focus stays on the button it is on. */
async function renew() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } })
  if (!answer.ok || answer.redirected) return
  const page = new DOMParser().parseFromString(await answer.text(), "text/html")
  const fresh = page.getElementById("live")
  const shown = document.getElementById("live")
  if (!fresh || !shown || fresh.innerHTML === shown.innerHTML) return
  const focused = document.activeElement?.id
  shown.replaceWith(fresh)
  if (focused) document.getElementById(focused)?.focus()
}

setInterval(() => {
  if (!document.hidden) renew().catch(() => {})
}, EVERY)
