using System.Text.RegularExpressions;

namespace HvSdk.Live.Transcripts;

/// <summary>Takes out of texts what tells whose machine it is: names of the user and the machine, and folders.</summary>
public static partial class PersonalData
{
    /// <summary>A name of one letter is replaced nowhere: it would be taken for too many other things.</summary>
    private const int ShortestName = 2;

    private static readonly (string Text, string Instead)[] s_names =
    [
        (Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "(home)"),
        (Path.TrimEndingDirectorySeparator(Path.GetTempPath()), "(temp)"),
        (Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory), "(program)"),
        (Environment.UserName, "(user)"),
        (Environment.MachineName, "(machine)"),
        (Environment.UserDomainName, "(domain)"),
    ];

    /// <summary>The text without them, with line ends of one kind.</summary>
    /// <param name="text">The text.</param>
    public static string Remove(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = Folder().Replace(text.ReplaceLineEndings("\n"), "");
        foreach ((string name, string instead) in s_names.Where(static name => name.Text.Length >= ShortestName).OrderByDescending(static name => name.Text.Length))
        {
            text = Regex.Replace(text, $@"(?<![A-Za-z0-9]){Regex.Escape(name)}(?![A-Za-z0-9])", instead.Replace("$", "$$", StringComparison.Ordinal), RegexOptions.IgnoreCase);
        }

        return text;
    }

    /// <summary>The folders of a source file in a stack trace: its name and line remain.</summary>
    [GeneratedRegex(@"(?:[A-Za-z]:)?(?:[/\\][^/\\:\n]+)*[/\\](?=[A-Za-z0-9_.]+\.cs[:(])")]
    private static partial Regex Folder();
}
