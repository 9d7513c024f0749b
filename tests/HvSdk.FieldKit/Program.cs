using System.Globalization;
using System.Reflection;
using System.Text;
using HvSdk;
using HvSdk.FieldKit;
using HvSdk.Live;
using HvSdk.Live.Transcripts;

const int allIsWell = 0;
const int testsFailed = 1;
const int wrongOptions = 2;
const int noHypervisor = 3;

try
{
    return Run(KitOptions.Parse(args));
}
catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    Console.Error.WriteLine(KitOptions.Usage);
    return wrongOptions;
}

static int Run(KitOptions options)
{
    var tests = new SuiteTests();
    var leftOut = LeftOutTests.Read(options.LeaveOut, tests);
    Behaviour[] behaviours = Choose(options);
    Directory.CreateDirectory(options.Folder);

    HypervisorFacts hypervisor = HypervisorReader.Read(LiveHypervisor.Backend);
    var transcript = new Transcript(
        Transcript.CurrentFormat,
        typeof(Hypervisor).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "",
        DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        HostReader.Read(),
        hypervisor,
        HvfPlatformReader.IsMeant ? HvfPlatformReader.Read() : PlatformReader.Read(),
        []);
    Console.WriteLine(TranscriptText.Format(transcript));
    if (hypervisor.IsAvailable && !options.ProbeOnly)
    {
        var runner = new BehaviourRunner(tests, leftOut, new SuiteProcess(hypervisor.Backend.ToLowerInvariant(), options.Limit));
        transcript = transcript with { Behaviours = [.. behaviours.Select(behaviour => RunAndTell(runner, behaviour))] };
    }

    string name = Path.Combine(options.Folder, $"hvsdk-transcript-{hypervisor.Backend.ToLowerInvariant()}");
    File.WriteAllText($"{name}.json", transcript.ToJson(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    File.WriteAllText($"{name}.txt", TranscriptText.Format(transcript), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    Console.WriteLine();
    Console.WriteLine(TranscriptText.Summarize(transcript));
    Console.WriteLine($"The transcript is {name}.json, and for people {name}.txt. README.md says where to send it.");
    return !hypervisor.IsAvailable ? noHypervisor : transcript.Behaviours.Any(static behaviour => behaviour.HasTrouble()) ? testsFailed : allIsWell;
}

static BehaviourResult RunAndTell(BehaviourRunner runner, Behaviour behaviour)
{
    BehaviourResult result = runner.Run(behaviour);
    Console.WriteLine($"{behaviour.Number,4}  {(result.HasTrouble() ? "NO" : "ok"),-3} {behaviour.Summary} [{result}]");
    return result;
}

static Behaviour[] Choose(KitOptions options)
{
    using Stream list = typeof(KitOptions).Assembly.GetManifestResourceStream("behaviours.txt")!;
    using var reader = new StreamReader(list);
    IReadOnlyList<Behaviour> all = Behaviour.ParseList(reader.ReadToEnd());
    if (options.Classes.FirstOrDefault(name => !all.Any(behaviour => behaviour.TestClass == name)) is { } unknown)
    {
        throw new ArgumentException($"--class {unknown}: the suite has no such class. It has {string.Join(", ", all.Select(static behaviour => behaviour.TestClass))}.");
    }

    return [.. all.Where(behaviour => options.Classes.Count == 0 || options.Classes.Contains(behaviour.TestClass)).OrderBy(static behaviour => behaviour.Number)];
}
