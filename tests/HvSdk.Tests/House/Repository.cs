using System.Runtime.CompilerServices;

namespace HvSdk.Tests.House;

/// <summary>The source tree that the tests were built from.</summary>
internal static class Repository
{
    /// <summary>Its root: the directory that holds HvSdk.sln.</summary>
    internal static string Root { get; } = FindRoot();

    /// <summary>Files of the tree, without what builds make, as paths from the root with slashes.</summary>
    /// <remarks>Folders of builds are not entered, nor are links: what tests leave there may lead anywhere (a Wine prefix links to the root of the system).</remarks>
    internal static IEnumerable<string> Files(string under, string pattern) =>
        FilesIn(new DirectoryInfo(Path.Combine(Root, under)), pattern)
            .Select(static path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Order();

    private static IEnumerable<string> FilesIn(DirectoryInfo folder, string pattern) =>
        folder.EnumerateFiles(pattern).Select(static file => file.FullName).Concat(
            folder.EnumerateDirectories()
                .Where(static child => child.LinkTarget is null && child.Name is not ("obj" or "bin" or "artifacts" or ".git"))
                .SelectMany(child => FilesIn(child, pattern)));

    internal static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    internal static string[] ReadLines(string path) => File.ReadAllLines(Path.Combine(Root, path));

    private static string FindRoot([CallerFilePath] string thisFile = "")
    {
        // Where the tests run on another machine than they were built on, the source may lie above the working directory instead.
        foreach (string start in new[] { Path.GetDirectoryName(thisFile)!, AppContext.BaseDirectory, Environment.CurrentDirectory })
        {
            for (DirectoryInfo? directory = new(start); directory is not null; directory = directory.Parent)
            {
                if (File.Exists(Path.Combine(directory.FullName, "HvSdk.sln")))
                {
                    return directory.FullName;
                }
            }
        }

        throw new InvalidOperationException("The source tree (the directory that holds HvSdk.sln) was not found; the house tests read it.");
    }
}
