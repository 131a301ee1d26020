//! `GET /items` and `POST /items`: items are retired, restored and added while the service runs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::body;
use super::id::GivenId;
use super::refusal::{Answer, Refusal};
use super::reply;
use crate::journal::{Durable, ItemChanges};
use crate::live::NewItem;

/// The body of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted<'a> {
    /// Not to be recommended from now on.
    #[serde(borrow, default)]
    retire: Vec<GivenId<'a>>,
    /// To be recommended again.
    #[serde(borrow, default)]
    restore: Vec<GivenId<'a>>,
    #[serde(borrow, default)]
    add: Vec<Addition<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Addition<'a> {
    #[serde(borrow)]
    item: GivenId<'a>,
    /// None: nothing is known of it.
    #[serde(default)]
    categories: Vec<String>,
}

/// The body of a reply.
#[derive(Debug, Serialize)]
struct Shelf {
    /// Items of the reference's catalogue, the retired ones among them.
    items: usize,
    /// The ids of those that are not recommended.
    retired: Vec<String>,
}

/// The body of the reply to a change.
#[derive(Debug, Serialize)]
struct Changed {
    /// Items that the reference did not have.
    added: usize,
    #[serde(flatten)]
    shelf: Shelf,
}

pub(super) async fn get(State(app): State<Arc<App>>) -> Answer<Response> {
    reply::json(&shelf(app.live()?).map_err(Refusal::of_failure)?)
}

pub(super) async fn post(State(app): State<Arc<App>>, request: Request<Body>) -> Answer<Response> {
    let live = app.live()?.clone();
    app.require_admin("items")?;
    let body = body::read(request, &app.limits).await?;
    let wanted: Wanted<'_> = body::parse(&body)?;
    let changes = wanted.changes(&app)?;
    // It reads and writes policies, and waits for the disk.
    let changed = tokio::task::spawn_blocking({
        let app = app.clone();
        move || {
            let added = live.change_items(&changes, &app.attributes.categories())?;
            let new = changes.add.into_iter().map(|item| (item.id, item.categories));
            app.attributes.add(new);
            shelf(&live).map(|shelf| Changed { added, shelf })
        }
    });
    let changed = changed.await.map_err(Refusal::of_panic)?;
    reply::json(&changed.map_err(Refusal::of_library)?)
}

impl Wanted<'_> {
    fn changes(&self, app: &App) -> Answer<ItemChanges> {
        let most = app.limits.candidates;
        if self.retire.is_empty() && self.restore.is_empty() && self.add.is_empty() {
            return Err(Refusal::unfit("nothing is asked for")
                .at("body")
                .hint("name items to `retire`, to `restore` or to `add`"));
        }
        if self.retire.len() + self.restore.len() + self.add.len() > most {
            return Err(Refusal::unfit(format!("more than {most} items at once")).at("body"));
        }
        let ids = |ids: &[GivenId<'_>], name: &str| -> Answer<Vec<String>> {
            let checked = ids.iter().enumerate().map(|(at, id)| {
                id.check(&app.limits, || format!("body, {name}[{at}]"))?;
                Ok(id.as_str().to_string())
            });
            checked.collect()
        };
        let add = self.add.iter().enumerate().map(|(at, new)| {
            new.item.check(&app.limits, || format!("body, add[{at}].item"))?;
            Ok(NewItem {
                id: new.item.as_str().to_string(),
                categories: new.categories.clone(),
            })
        });
        Ok(ItemChanges {
            retire: ids(&self.retire, "retire")?,
            restore: ids(&self.restore, "restore")?,
            add: add.collect::<Answer<_>>()?,
        })
    }
}

fn shelf(live: &Durable) -> common::Result<Shelf> {
    let arms = live.read()?;
    Ok(Shelf {
        items: arms.items().len(),
        retired: arms.retired().iter().cloned().collect(),
    })
}
