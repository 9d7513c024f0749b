using System.Diagnostics;
using System.Text;
using HvSdk.Devices.Virtio.Linux.Interop;
using HvSdk.Devices.Virtio.Tests.FileSystem;

namespace HvSdk.Devices.Virtio.Linux.Tests.FileSystem;

/// <summary>Somebody changes the tree while the guest asks.</summary>
public sealed class HostDirectoryRaceTests
{
    private const ulong Root = FuseClient.Root;
    private const int Rounds = 3000;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    [Fact]
    public void Directory_SwappedForALinkToOutside_LeadsNowhere()
    {
        using var share = new SharedFolder(prepare: static share =>
        {
            Directory.CreateDirectory(share["d"]);
            File.WriteAllText(share["d/file"], "inside");
            File.SetUnixFileMode(share["d/file"], (UnixFileMode)0x1B6);
            Directory.CreateSymbolicLink(share["other"], share.Outside);
        });
        UnixFileMode outside = File.GetUnixFileMode(share.OutsideFile);
        using (Swap(share, "d", "other"))
        {
            MeetBoth(() => Touch(share, "d"));
        }

        Assert.Equal(outside, File.GetUnixFileMode(share.OutsideFile));
        share.AssertUntouched();
    }

    [Fact]
    public void File_SwappedForALinkToOutside_IsNeverThatFile()
    {
        using var share = new SharedFolder(prepare: static share =>
        {
            File.WriteAllText(share["f"], "inside");
            File.CreateSymbolicLink(share["other"], share.OutsideFile);
        });
        using (Swap(share, "f", "other"))
        {
            MeetBoth(() =>
            {
                (FileError error, FuseCreateAnswer created) = share.Client.Create(Root, "f", flags: 2);
                if (error != FileError.None)
                {
                    Assert.Equal(FileError.ELOOP, error);
                    return false;
                }

                Assert.Equal("inside"u8, share.Client.Read(created.Open.Handle, 0, 100).Data);
                share.Client.Write(created.Open.Handle, 0, "inside"u8);
                share.Client.Release(created.Open.Handle);
                share.Client.Forget(created.Entry.NodeId, 1);
                return true;
            });
        }

        share.AssertUntouched();
    }

    /// <summary>Goes on until it has met what lies inside and what lies outside, however the two threads share the processors.</summary>
    private static void MeetBoth(Func<bool> isInside)
    {
        long start = Stopwatch.GetTimestamp();
        int rounds = 0;
        for (int inside = 0; rounds < Rounds || inside == 0 || inside == rounds; rounds++)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < s_limit, $"{inside} of {rounds} rounds met what lies inside within {s_limit}.");
            inside += isInside() ? 1 : 0;
        }
    }

    /// <summary>Does what a guest can do below a name; whatever it reads is what lies inside.</summary>
    private static bool Touch(SharedFolder share, string name)
    {
        FuseClient client = share.Client;
        (FileError error, FuseEntry directory) = client.Lookup(Root, name);
        if (error != FileError.None)
        {
            return false;
        }

        (error, FuseEntry file) = client.Lookup(directory.NodeId, "file");
        bool isFound = error == FileError.None;
        if (isFound)
        {
            (error, FuseOpenAnswer open) = client.Open(file.NodeId, flags: 2);
            Assert.Equal(FileError.None, error);
            Assert.Equal("inside", Encoding.ASCII.GetString(client.Read(open.Handle, 0, 100).Data));
            client.Write(open.Handle, 0, "inside"u8);
            client.Release(open.Handle);
            client.SetAttributes(file.NodeId, new FuseSetAttributesRequest(FuseAttributeMask.Mode, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1B6, 0, 0, 0, 0));
            client.Forget(file.NodeId, 1);
        }

        client.Create(directory.NodeId, "made");
        client.MakeDirectory(directory.NodeId, "folder");
        client.SymbolicLink(directory.NodeId, "link", "target");
        client.Rename(directory.NodeId, "made", directory.NodeId, "moved");
        client.Unlink(directory.NodeId, "moved");
        client.Unlink(directory.NodeId, "link");
        client.RemoveDirectory(directory.NodeId, "folder");
        client.Mount(); // forgets all, so that names are looked up anew
        return isFound;
    }

    /// <summary>Two names change places without end, on another thread.</summary>
    private static Swapper Swap(SharedFolder share, string first, string second) => new(share.Inside, Encoding.ASCII.GetBytes(first), Encoding.ASCII.GetBytes(second));

    private sealed class Swapper : IDisposable
    {
        private readonly SafeFd _folder;
        private readonly Thread _thread;
        private volatile bool _isOver;

        public Swapper(string folder, byte[] first, byte[] second)
        {
            _folder = HostTreeOpening.Open(folder);
            _thread = new Thread(() =>
            {
                while (!_isOver)
                {
                    Assert.Equal(FileError.None, FileCalls.Rename(_folder, first, _folder, second, RenameModes.Exchange));
                }
            });
            _thread.Start();
        }

        public void Dispose()
        {
            _isOver = true;
            _thread.Join();
            _folder.Dispose();
        }
    }
}
