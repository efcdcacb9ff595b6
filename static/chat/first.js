/* Before the first picture: a conversation is read from its end. No module, so that it
   runs at once; the modules take over from here. */
{
  const scroller = document.getElementById("scroller");
  if (scroller) scroller.scrollTop = scroller.scrollHeight;
}
