namespace HvSdk.Live.Transcripts;

/// <summary>How a test ended.</summary>
public enum TestOutcome
{
    /// <summary>As the API promises it.</summary>
    Passed,

    /// <summary>Otherwise; the message says how.</summary>
    Failed,

    /// <summary>The platform does not have it by its nature; the message says why.</summary>
    NotPossible,

    /// <summary>It did not run, for a reason of its own.</summary>
    Skipped,

    /// <summary>It had not ended when its time was up, and its process was ended.</summary>
    Hung,

    /// <summary>Its process ended under it.</summary>
    Crashed,

    /// <summary>The person who ran the kit, or a list, left it out; the message says why.</summary>
    LeftOut,
}
