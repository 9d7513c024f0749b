using System.Globalization;

namespace HvSdk.FieldKit;

/// <summary>What the person who runs the kit asks for.</summary>
/// <param name="Folder">Where the transcript goes.</param>
/// <param name="Classes">The classes of tests to run; none: all.</param>
/// <param name="Limit">How long the tests of a behaviour may take.</param>
/// <param name="LeaveOut">A file with tests to leave out: lines of "Class.Method | reason"; null: none.</param>
/// <param name="ProbeOnly">No tests: the machine and the hypervisor alone.</param>
internal sealed record KitOptions(string Folder, IReadOnlyList<string> Classes, TimeSpan Limit, string? LeaveOut, bool ProbeOnly)
{
    /// <summary>Half a minute on a quiet machine is the longest; a limit is for what hangs.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    public const string Usage = """
        Usage: HvSdk.FieldKit [--probe-only] [--out FOLDER] [--class NAME]... [--limit SECONDS] [--leave-out FILE]
          --probe-only       tells about the machine and the hypervisor, and runs no tests
          --out FOLDER       where the transcript goes (default: the current folder)
          --class NAME       runs this class of tests alone, as PortTests; may be repeated
          --limit SECONDS    how long a class of tests may take (default: 600)
          --leave-out FILE   tests that are not run: lines of 'Class.Method | reason'
        Exit code: 0 all is well; 1 a test failed; 2 wrong options; 3 there is no hypervisor to use.
        """;

    /// <summary>Reads the command line.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="ArgumentException">An option is unknown or has no value, or a wrong one; the text names it.</exception>
    public static KitOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new KitOptions(Directory.GetCurrentDirectory(), [], s_limit, null, false);
        for (int i = 0; i < arguments.Count; i++)
        {
            string option = arguments[i];
            if (option == "--probe-only")
            {
                options = options with { ProbeOnly = true };
                continue;
            }

            if (option is not ("--out" or "--class" or "--limit" or "--leave-out"))
            {
                throw new ArgumentException($"There is no option '{option}'.");
            }

            string value = ++i < arguments.Count ? arguments[i] : throw new ArgumentException($"{option} needs a value after it.");
            options = option switch
            {
                "--out" => options with { Folder = value },
                "--class" => options with { Classes = [.. options.Classes, value] },
                "--leave-out" => options with { LeaveOut = value },
                _ => options with { Limit = ParseLimit(value) },
            };
        }

        return options;
    }

    private static TimeSpan ParseLimit(string value) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and <= 86_400
            ? TimeSpan.FromSeconds(seconds)
            : throw new ArgumentException($"--limit takes seconds, more than 0 and at most a day (86400), and not '{value}'.");
}
