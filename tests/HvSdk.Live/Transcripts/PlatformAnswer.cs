namespace HvSdk.Live.Transcripts;

/// <summary>An answer of the platform's library.</summary>
/// <param name="Question">What was asked: an export, or a capability by its code.</param>
/// <param name="Answer">What it said: "there", "missing", bytes in hexadecimal, or a result.</param>
public sealed record PlatformAnswer(string Question, string Answer);
