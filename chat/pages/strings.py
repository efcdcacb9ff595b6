"""The words that the page's scripts show. Their `{names}` are filled in there."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

STRINGS: dict[str, str | Promise] = {
    # messages
    "you": _("You"),
    "assistant": _("Answer"),
    "thinking": _("Thinking…"),
    "thinkingFor": _("Thinking… {duration}"),
    "thoughts": _("Thoughts"),
    "thoughtFor": _("Thought for {duration}"),
    "queuePlace": _("Waiting: place {position} in the queue."),
    "endStopped": _("You stopped this answer."),
    "endLength": _("The answer ends here because it reached its length limit."),
    "endFilter": _("The answer ends here because of a content rule."),
    # the connection
    "connectionLost": _("The connection is lost."),
    "offline": _("You are offline."),
    "lostIdle": _("It is being restored…"),
    "lostAnswer": _(
        "The answer is still being written; it will appear here as soon as the "
        "connection is back."
    ),
    "lostQuestion": _(
        "Your question is sent as soon as the connection is back; "
        "Stop gives it back to you."
    ),
    "deletedElsewhere": _("This conversation was deleted on another page."),
    # actions
    "copy": _("Copy"),
    "copied": _("Copied."),
    "copyFailed": _("The browser did not allow copying."),
    "regenerate": _("Answer again"),
    "goOn": _("Continue"),
    "edit": _("Edit"),
    "editLabel": _("Your question"),
    "editSend": _("Ask"),
    "cancel": _("Cancel"),
    "save": _("Save"),
    "retry": _("Try again"),
    "siblingBefore": _("Previous version"),
    "siblingAfter": _("Next version"),
    "siblingPlace": _("{at} of {of}"),
    # pictures
    "modelsText": _("Text"),
    "modelsImage": _("Pictures"),
    "drawOn": _("Your next message describes a picture."),
    "drawOff": _("Your next message is a question again."),
    "drawHint": _("Describe a picture"),
    "drawWelcome": _("What would you like to see?"),
    "drawLabel": _("Description of the picture"),
    "drawingProgress": _("Progress of the picture"),
    "drawingSoon": _("The picture is about to be drawn…"),
    "drawingStep": _("Step {step} of {steps}"),
    "drawing": _("The picture is being drawn."),
    "drawn": _("The picture is finished."),
    "drawFailed": _("The picture could not be finished."),
    "drawAgain": _("Draw again"),
    "picture": _("Picture"),
    "pictureFull": _("Show in full size"),
    "pictureSave": _("Download the picture"),
    "copyPrompt": _("Copy the description"),
    "endStoppedPicture": _("You stopped this picture before it was finished."),
    "endFilterPicture": _("This picture is not shown because of a content rule."),
    "figuresSize": _("Size"),
    "figuresSeed": _("Seed"),
    # images of other sites
    "image": _("Image"),
    "imageShow": _("Show image"),
    "imageHide": _("Hide image"),
    # what an answer took
    "figures": _("Details"),
    "figuresMissing": _("The details cannot be read at the moment."),
    "figuresModel": _("Model"),
    "figuresQueue": _("Waited in the queue"),
    "figuresFirst": _("First token after"),
    "figuresSpeed": _("Speed"),
    "figuresPerSecond": _("{count} tokens per second"),
    "figuresTotal": _("Altogether"),
    "figuresAnswer": _("Answer"),
    "figuresPrompt": _("Question and history"),
    "figuresTokens": _("{count} tokens"),
    # writing
    "send": _("Send"),
    "stop": _("Stop"),
    "stopTitle": _("Stop (Escape)"),
    "promptTooLong": _(
        "{excess} characters too long: {limit} are allowed. "
        "Shorten the text to send it."
    ),
    # files, templates, context
    "characters": _("{count} characters"),
    "attachRemove": _("Remove {name}"),
    "attachTooMany": _("At most {limit} files go along with one question."),
    "attachTooLarge": _(
        "{name} is larger than a whole question may be. Attach a part of it."
    ),
    "attachNoText": _("{name} is no text file. Only text can be read here."),
    "attachEmpty": _("{name} is empty."),
    "attached": _("{name}, {count} characters"),
    "templates": _("Prompt templates"),
    "templateFilter": _("Search templates"),
    "templateNone": _("No template of this kind."),
    "templatesEmpty": _("You have no templates yet."),
    "templateNew": _("New template"),
    "templateName": _("Name"),
    "templateText": _("Text"),
    "templateEdit": _("Edit {name}"),
    "templateDelete": _("Delete {name}"),
    "close": _("Close"),
    "contextUsed": _("About {used} of {size} tokens"),
    "contextCut": _("About {used} of {size} tokens; older messages are left out"),
    "contextTitle": _("What the model sees"),
    "contextSays": _(
        "With your next question the model reads about {used} tokens. It can hold "
        "{size}; {kept} of them are kept free for its answer."
    ),
    "contextHow": _(
        "When they do not suffice, the oldest questions are left out together with "
        "their answers. The system prompt and your newest question always stay. "
        "Nothing is deleted: you can still read everything here."
    ),
    "contextMark": _("The model no longer sees what stands above this line."),
    # keys
    "shortcuts": _("Keyboard shortcuts"),
    "shortcutSheet": _("Show this sheet"),
    "shortcutPrompt": _("Go to the message field"),
    "shortcutUp": _("The conversation above"),
    "shortcutDown": _("The conversation below"),
    "shortcutLine": _("A new line in the message"),
    # the conversation's own model and parameters
    "conversationSettings": _("This conversation"),
    "systemPrompt": _("System prompt: what the model should know and how to answer"),
    "modelsOwn": _("the model’s own"),
    "param_temperature": _("Temperature (0 to 2)"),
    "param_top_p": _("Top-p"),
    "param_max_tokens": _("Longest answer (tokens)"),
    "param_seed": _("Seed"),
    "param_thinking": _("Thinking first"),
    "thinking_auto": _("as the model prefers"),
    "thinking_true": _("yes"),
    "thinking_false": _("no"),
    # feedback
    "rateGood": _("Good answer"),
    "rateBad": _("Bad answer"),
    "rateWhy": _("What was good or bad about it? (may stay empty)"),
    "rateThanks": _("Thank you, noted."),
    "rateTaken": _("Your rating is taken back."),
    # conversations
    "newChat": _("New chat"),
    "untitled": _("Untitled"),
    "running": _("being answered"),
    "rename": _("Rename"),
    "delete": _("Delete"),
    "deletedNamed": _("“{title}” is deleted."),
    "restored": _("It is back."),
    "undo": _("Undo"),
    "title": _("Title"),
    "menuNamed": _("Actions for “{title}”"),
    "pin": _("Pin"),
    "unpin": _("Unpin"),
    "archive": _("Archive"),
    "unarchive": _("Take out of the archive"),
    "archivedNamed": _("“{title}” is archived."),
    "unarchivedNamed": _("“{title}” is back in the list."),
    "tags": _("Tags"),
    "tagsEdit": _("Tags…"),
    "tagNew": _("New tag"),
    "found": _("Found"),
    "foundSome": _("Conversations were found."),
    "foundNone": _("Nothing was found for “{query}”."),
    "listNone": _("Your conversations will be listed here."),
    "listNoneArchived": _("No conversation is archived."),
    "listNoneTagged": _("No conversation has this tag any more."),
    "groupPinned": _("Pinned"),
    "groupToday": _("Today"),
    "groupYesterday": _("Yesterday"),
    "groupWeek": _("Previous 7 days"),
    "groupMonth": _("Previous 30 days"),
    "shortcutFind": _("Search conversations"),
    # settings
    "saved": _("Saved."),
    "revoke": _("Revoke"),
    "revokeQuestion": _("Programs that use this key stop working at once."),
    "revokeNameless": _("Revoke this key?"),
    "importing": _("Importing {name}…"),
    "imported": _("Conversations imported: {count}."),
    "importUnchanged": _("Already here: {count}."),
    "importSkipped": _("Messages and parts left out: {count}."),
    # sharing
    "shareTitle": _("Share this conversation"),
    "shareWhat": _(
        "Anybody who has the link can read a copy of the conversation as it is now: "
        "its title, the questions and answers of the branch you see, with attached "
        "files and pictures, and the names of the models. Your name, other branches "
        "and whatever is written later are not in it."
    ),
    "shareThoughts": _("with the model’s thoughts"),
    "shareCreate": _("Create a link"),
    "shareCreated": _("The link is ready."),
    "shareLink": _("Link"),
    "shareState": _("{count} messages, copied {when}"),
    "shareUpdate": _("Update the copy"),
    "shareUpdated": _("The link shows a new copy."),
    "shareRevoke": _("Revoke"),
    "shareRevokeNamed": _("Revoke the link of “{title}”"),
    "shareRevokeQuestion": _(
        "The link will lead nowhere, for everybody who has it. "
        "A new link is another one."
    ),
    "shareRevoked": _("The link was revoked."),
    "shareAll": _("All your links"),
    "shareNone": _("There are none."),
    # what a screen reader is told
    "answering": _("The answer is being written."),
    "answered": _("The answer is complete."),
    "answerFailed": _("The answer could not be completed."),
    # what went wrong: what happened, what was kept, what to do next
    "problem": _("Problem"),
    "keptQuestion": _("Your question is still in the field below."),
    "keptAnswer": _("What was written is kept."),
    "keptPicture": _("Your description is kept."),
    "errorWait": _("Try again in {time}."),
    "signInAgain": _("Sign in again"),
    "error_network": _("The site cannot be reached."),
    "error_network_next": _("Check your connection, then try again."),
    "error_signedOut": _("You are signed out."),
    "error_signedOut_next": _("Sign in again to go on."),
    "error_forbidden": _("The site did not accept this from your browser."),
    "error_forbidden_next": _("Reload the page, then try again."),
    "error_rate": _("You are asking faster than is allowed."),
    "error_rate_next": _("Wait a moment, then try again."),
    "error_context": _("The conversation is too long for this model."),
    "error_context_next": _("Shorten the question or begin a new chat."),
    "error_engine": _("The model stopped in the middle of its answer."),
    "error_engine_next": _("Try again; if it happens again, ask differently."),
    "error_unavailable": _("The model cannot be reached at the moment."),
    "error_unavailable_next": _("Try again in a minute."),
    "error_refused": _("Something in the question is against the content rules here."),
    "error_refused_next": _("Change it and ask again."),
    "error_unchecked": _("The content check cannot be reached at the moment."),
    "error_unchecked_next": _("Try again in a minute."),
    "error_timeout": _("The answer took longer than is allowed."),
    "error_timeout_next": _("Try again, or ask for something shorter."),
    "error_memory": _("The model ran out of memory."),
    "error_memory_next": _("Try again, or begin a new chat."),
    "error_enginePicture": _("The model stopped while it was drawing."),
    "error_enginePicture_next": _("Try again; if it happens again, change it."),
    "error_memoryPicture": _("The model ran out of memory for a picture of this size."),
    "error_memoryPicture_next": _("Ask for a smaller one, or try again later."),
    "error_timeoutPicture": _("The picture took longer than is allowed."),
    "error_timeoutPicture_next": _("Ask for a smaller one, or try again later."),
    "error_refusedPicture": _(
        "Something in the description is against the content rules here."
    ),
    "error_refusedPicture_next": _("Change it and ask again."),
    "error_interruptedPicture": _(
        "The server that drew this picture stopped too often."
    ),
    "error_interruptedPicture_next": _("Try again."),
    "error_unstored": _("The picture was drawn, but it could not be stored."),
    "error_unstored_next": _("Draw it again in a minute."),
    "error_storage": _("There is no room left for more of your pictures."),
    "error_storage_next": _("Delete conversations with pictures, then draw again."),
    "error_interrupted": _("The server that wrote this answer stopped too often."),
    "error_interrupted_next": _("Try again."),
    "error_model": _("This model is no longer offered."),
    "error_model_next": _("Choose another one and try again."),
    "error_closed": _("You may not use this model."),
    "error_closed_next": _("Choose another one and try again."),
    "error_internal": _("Something went wrong on our side; it was written to the log."),
    "error_internal_next": _("Try again; if it happens again, reload the page."),
    "error_unknown": _("Something went wrong."),
    "error_unknown_next": _("Try again."),
}


def page_strings() -> dict[str, str]:
    """All of them, in the language of the request."""
    return {key: str(text) for key, text in STRINGS.items()}
