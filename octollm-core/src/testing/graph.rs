//! What every [`KnowledgeGraph`] does.

use std::future::Future;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::ErrorKind;
use crate::memory::{Entity, KnowledgeGraph, NewEntity, NewRelationship, Path, Relationship};

/// Runs the whole contract over fresh graphs that `make` answers.
pub async fn graph_suite<G, F>(make: impl Fn() -> F)
where
    G: KnowledgeGraph + 'static,
    F: Future<Output = G>,
{
    merges_entities(&make().await).await;
    searches_by_name(&make().await).await;
    relates_and_replaces(&make().await).await;
    removes_with_relationships(&make().await).await;
    finds_paths_shortest_first(&make().await).await;
    walks_a_dense_graph_in_bounded_work(&make().await).await;
    refuses_what_says_nothing(&make().await).await;
    takes_many_writers(Arc::new(make().await)).await;
}

async fn entity(graph: &dyn KnowledgeGraph, entity_type: &str, name: &str, properties: Value) -> Entity {
    let properties = properties.as_object().unwrap().clone();
    let new = NewEntity { entity_type: entity_type.into(), name: name.into(), properties };
    graph.put_entity(new).await.unwrap()
}

async fn thing(graph: &dyn KnowledgeGraph, name: &str) -> Uuid {
    entity(graph, "thing", name, json!({})).await.id
}

fn relationship(from: Uuid, to: Uuid, relationship_type: &str, strength: f64) -> NewRelationship {
    NewRelationship {
        from_entity_id: from,
        to_entity_id: to,
        relationship_type: relationship_type.into(),
        properties: json!({"strength": strength}).as_object().unwrap().clone(),
        strength,
    }
}

async fn relate(graph: &dyn KnowledgeGraph, from: Uuid, to: Uuid) -> Relationship {
    graph.put_relationship(relationship(from, to, "leads_to", 0.5)).await.unwrap()
}

async fn merges_entities(graph: &dyn KnowledgeGraph) {
    graph.ping().await.unwrap();
    let first = entity(graph, "person", "Zoë 🐙", json!({"a": 1, "b": {"c": 2}, "n": null})).await;
    let second = entity(graph, "person", "Zoë 🐙", json!({"a": null, "b": [3], "d": "größe"})).await;
    assert_eq!(first.properties, *json!({"a": 1, "b": {"c": 2}}).as_object().unwrap());
    assert_eq!(second.properties, *json!({"b": [3], "d": "größe"}).as_object().unwrap());
    assert_eq!((second.id, second.created_at), (first.id, first.created_at));
    assert!(second.updated_at >= first.updated_at);
    let library = entity(graph, "library", "Zoë 🐙", json!({})).await;
    assert_eq!(graph.entities_named("Zoë 🐙").await.unwrap(), [library, second]);
    assert!(graph.entities_named("zoë 🐙").await.unwrap().is_empty());
    assert!(graph.entities_named("Zoë").await.unwrap().is_empty());
}

async fn searches_by_name(graph: &dyn KnowledgeGraph) {
    for (entity_type, name) in
        [("lib", "tokio"), ("lib", "Tokio-util"), ("person", "50%_off"), ("lib", "serde")]
    {
        entity(graph, entity_type, name, json!({})).await;
    }
    let names = async |text: &str, entity_type: Option<&str>, limit: usize| {
        let found = graph.search_entities(text, entity_type, limit).await.unwrap();
        found.into_iter().map(|entity| entity.name).collect::<Vec<_>>()
    };
    assert_eq!(names("TOKIO", None, 10).await, ["Tokio-util", "tokio"]);
    assert_eq!(names("", Some("lib"), 2).await, ["Tokio-util", "serde"]);
    assert_eq!(names("%_", None, 10).await, ["50%_off"]);
    assert!(names("%", Some("lib"), 10).await.is_empty());
    assert!(names("' OR 1=1 --", None, 10).await.is_empty());
    assert!(names("", None, 0).await.is_empty());
}

async fn relates_and_replaces(graph: &dyn KnowledgeGraph) {
    let (a, b, c) = (thing(graph, "a").await, thing(graph, "b").await, thing(graph, "c").await);
    let first = graph.put_relationship(relationship(a, b, "knows", 0.2)).await.unwrap();
    let second = graph.put_relationship(relationship(a, b, "knows", 0.9)).await.unwrap();
    assert_eq!((first.id, first.created_at), (second.id, second.created_at));
    assert_eq!((second.strength, second.properties.get("strength")), (0.9, Some(&json!(0.9))));
    graph.put_relationship(relationship(c, a, "knows", 1.0)).await.unwrap();
    graph.put_relationship(relationship(a, a, "knows", 0.5)).await.unwrap();
    let ends = graph.neighbours(a, 10).await.unwrap();
    let ends: Vec<_> = ends.iter().map(|(found, other)| (found.strength, other.name.as_str())).collect();
    assert_eq!(ends, [(1.0, "c"), (0.9, "b"), (0.5, "a")]);
    assert_eq!(graph.neighbours(a, 1).await.unwrap().len(), 1);
    assert!(graph.neighbours(Uuid::nil(), 10).await.unwrap().is_empty());
}

async fn removes_with_relationships(graph: &dyn KnowledgeGraph) {
    let (a, b, c) = (thing(graph, "a").await, thing(graph, "b").await, thing(graph, "c").await);
    relate(graph, a, b).await;
    relate(graph, b, c).await;
    relate(graph, b, b).await;
    assert!(graph.remove_entity(b).await.unwrap());
    assert!(!graph.remove_entity(b).await.unwrap());
    assert!(graph.entities_named("b").await.unwrap().is_empty());
    assert!(graph.neighbours(a, 10).await.unwrap().is_empty());
    assert!(graph.paths(a, c, 6, 10).await.unwrap().is_empty());
    let again = thing(graph, "b").await;
    assert_ne!(again, b);
    assert!(graph.neighbours(again, 10).await.unwrap().is_empty());
}

fn ends(path: &Path) -> Vec<Uuid> {
    path.relationships.iter().map(|relationship| relationship.to_entity_id).collect()
}

async fn finds_paths_shortest_first(graph: &dyn KnowledgeGraph) {
    let mut nodes = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        nodes.push(thing(graph, name).await);
    }
    let [a, b, c, d, e] = nodes[..] else { panic!("five things") };
    for (from, to) in [(a, b), (b, c), (c, d), (a, c), (b, a), (d, d), (d, b)] {
        relate(graph, from, to).await;
    }
    let paths = graph.paths(a, d, 6, 10).await.unwrap();
    assert_eq!(paths.iter().map(ends).collect::<Vec<_>>(), [vec![c, d], vec![b, c, d]]);
    for path in &paths {
        assert_eq!(path.relationships[0].from_entity_id, a);
        assert!(path.relationships.windows(2).all(|two| two[0].to_entity_id == two[1].from_entity_id));
    }
    assert_eq!(graph.paths(a, d, 2, 10).await.unwrap().len(), 1);
    assert_eq!(graph.paths(a, d, 6, 1).await.unwrap().len(), 1);
    assert!(graph.paths(a, d, 6, 0).await.unwrap().is_empty());
    for (from, to) in [(a, e), (e, a), (a, a), (a, Uuid::nil()), (Uuid::nil(), a)] {
        assert!(graph.paths(from, to, 6, 10).await.unwrap().is_empty());
    }
}

/// Every one of 40 entities leads to every other: millions of walks, of which a few are wanted.
async fn walks_a_dense_graph_in_bounded_work(graph: &dyn KnowledgeGraph) {
    let mut nodes = Vec::new();
    for n in 0..40 {
        nodes.push(thing(graph, &format!("{n:02}")).await);
    }
    for from in &nodes {
        for to in &nodes {
            relate(graph, *from, *to).await;
        }
    }
    let unreachable = thing(graph, "alone").await;
    assert!(graph.paths(nodes[0], unreachable, 6, 10).await.unwrap().is_empty());
    let paths = graph.paths(nodes[0], nodes[1], 6, 20).await.unwrap();
    assert_eq!(paths.iter().map(|path| path.relationships.len()).collect::<Vec<_>>()[..3], [1, 2, 2]);
    assert_eq!(paths.len(), 20);
    assert_eq!(graph.neighbours(nodes[0], 5).await.unwrap().len(), 5);
}

async fn refuses_what_says_nothing(graph: &dyn KnowledgeGraph) {
    let a = thing(graph, "a").await;
    for (entity_type, name) in [("", "x"), ("x", " \n")] {
        let new = NewEntity { entity_type: entity_type.into(), name: name.into(), properties: json_map() };
        assert_eq!(graph.put_entity(new).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    for bad in [
        relationship(a, a, "", 0.5),
        relationship(a, a, "x", 1.1),
        relationship(a, a, "x", -0.1),
        relationship(a, a, "x", f64::NAN),
    ] {
        assert_eq!(graph.put_relationship(bad).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    for (from, to) in [(a, Uuid::nil()), (Uuid::nil(), a)] {
        let error = graph.put_relationship(relationship(from, to, "x", 0.5)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    for depth in [0, 7, usize::MAX] {
        assert_eq!(graph.paths(a, a, depth, 1).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

fn json_map() -> serde_json::Map<String, Value> {
    serde_json::Map::new()
}

async fn takes_many_writers<G: KnowledgeGraph + 'static>(graph: Arc<G>) {
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let graph = graph.clone();
            tokio::spawn(async move {
                let own = format!("from {writer}");
                let hub = entity(&*graph, "thing", "hub", json!({ (own): writer })).await.id;
                let mine = thing(&*graph, &format!("writer {writer}")).await;
                relate(&*graph, hub, mine).await;
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let hubs = graph.entities_named("hub").await.unwrap();
    assert_eq!((hubs.len(), hubs[0].properties.len()), (1, 8));
    assert_eq!(graph.neighbours(hubs[0].id, 100).await.unwrap().len(), 8);
}
