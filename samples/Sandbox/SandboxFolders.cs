using System.Text;
using HvSdk.Devices.Virtio;
using HvSdk.Devices.Virtio.Linux;

namespace HvSdk.Samples.Sandbox;

/// <summary>What the guest mounts: the root and the input to look at, the output to write, and the job, which is in memory: the command in, the exit code out.</summary>
internal sealed class SandboxFolders : IDisposable
{
    private readonly MemoryTree _job = new(new MemoryTreeOptions { MaxBytes = 1 << 20, MaxNames = 16 });
    private readonly List<HostDirectory> _directories = [];

    public SandboxFolders(SandboxOptions options)
    {
        _job.WriteFile("command", Encoding.UTF8.GetBytes(Quote(options.Command)));
        Devices.Add(new FileSystemDevice("job", _job.Root));
        try
        {
            // Nobody else changes these two, so the guest may believe what it knows of them.
            var cached = new FileSystemOptions { CacheTime = TimeSpan.FromHours(1) };
            Share("root", options.Root, new HostDirectoryOptions { UserId = 0, GroupId = 0, AllowsSetIdBits = true }, cached);
            Share("input", options.Input, new HostDirectoryOptions { UserId = 0, GroupId = 0 }, cached);

            // What reads the output later shall find files there: no links that lead elsewhere, no pipes to wait at.
            Share("output", options.Output, new HostDirectoryOptions
            {
                IsWritable = true,
                UserId = 0,
                GroupId = 0,
                AllowsNewSymbolicLinks = false,
                MaxWrittenBytes = options.MaxOutputFolder,
                MaxFileSize = options.MaxOutputFolder,
            });
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A device for each.</summary>
    public List<FileSystemDevice> Devices { get; } = [];

    /// <summary>What the guest says that the command returned.</summary>
    public string? ExitCode => _job.ReadFile("exit-code") is { } bytes ? Encoding.ASCII.GetString(bytes).Trim() : null;

    public void Dispose() => _directories.ForEach(static directory => directory.Dispose());

    /// <summary>The command as a shell reads it.</summary>
    private static string Quote(IEnumerable<string> command) =>
        string.Join(' ', command.Select(static word => $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'"));

    private void Share(string tag, string? path, HostDirectoryOptions options, FileSystemOptions? deviceOptions = null)
    {
        if (path is not null)
        {
            _directories.Add(new HostDirectory(path, options));
            Devices.Add(new FileSystemDevice(tag, _directories[^1].Root, deviceOptions));
        }
    }
}
