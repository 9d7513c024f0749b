namespace HvSdk.Live.Transcripts;

/// <summary>A test of a behaviour.</summary>
/// <param name="Name">The method and its arguments, without its class.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Message">Why; empty where it passed.</param>
public sealed record TestEntry(string Name, TestOutcome Outcome, string Message);
