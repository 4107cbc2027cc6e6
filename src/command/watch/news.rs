//! What the threads that sample tell the one that shows.

use std::sync::mpsc::SyncSender;

use super::bell::Bell;
use crate::command::failure::Failure;
use crate::filter::FilterError;
use crate::live;
use crate::question::Question;

/// One thing that happened.
pub(super) enum News {
    /// A sample was taken.
    Sample(Box<live::Sample>),
    /// A sample failed.
    NoSample(live::NoSample, Failure),
    /// The filter typed is in force, and this is what is asked.
    FilterTaken(String, Box<Question>),
    /// It is not: because of a word, or as a whole.
    FilterRefused(Option<FilterError>, String),
    /// Something besides the counts was found out.
    Detail(Box<live::Detail>),
}

/// Takes news there.
pub(super) struct Post {
    news: SyncSender<News>,
    bell: Bell,
}

impl Post {
    pub(super) fn new(news: SyncSender<News>, bell: Bell) -> Post {
        Post { news, bell }
    }

    /// Sends; waits where nobody takes what was sent before, as on a terminal that is stopped.
    /// False where nobody ever will.
    pub(super) fn send(&self, news: News) -> bool {
        let sent = self.news.send(news).is_ok();
        self.bell.ring();
        sent
    }
}
